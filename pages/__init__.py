"""What people see: one file a page, and the parts they share (names with a leading underscore)."""
