"""Forms: JSON Schema and UI map from entity fields, prefill with its source, validation with answers by JSON Pointer."""
