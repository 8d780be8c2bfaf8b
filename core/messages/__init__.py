"""Messages to people: templates, channels in order, receipts, quiet hours, preferences."""
