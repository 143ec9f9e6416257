"""The library kept in order: after a crash, in the trash, checked, and filed again."""
