"""Frozen values, errors, settings and redaction. No input or output happens here."""
