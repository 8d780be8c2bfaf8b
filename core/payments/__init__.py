"""Orders, bills and arrears, payments with a simulator, refunds, daily reconciliation."""
