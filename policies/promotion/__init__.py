"""Promotion: how a candidate policy becomes the live one, gate by gate, or is taken back."""
