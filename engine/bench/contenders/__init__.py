"""One module a contender: ``run(spec, turns)`` trains what `engine.bench.task` says, one pass at each turn."""
