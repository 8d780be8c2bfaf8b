"""Outside systems: a contract, a simulator and a failure path each."""
