"""The case engine: filing, tasks, steps, timers, dispatch, bundles. What a county does for a person has a deadline."""
