"""How fast this machine trains, beside what others would write: each contender in a process of its own, in turns."""
