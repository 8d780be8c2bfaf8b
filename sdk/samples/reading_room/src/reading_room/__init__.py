"""Seats of a county library's reading room: a sample of a plugin outside Tongban's tree."""
