"""Declared aggregates over entities and cases: values, targets, alarms, charts."""
