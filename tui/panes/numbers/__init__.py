"""Numbers: settings, results, health; what differs between runs."""
