"""Who may decide, what was decided, and whether a change may be made."""
