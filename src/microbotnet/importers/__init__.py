"""Networks in other tools' files."""
