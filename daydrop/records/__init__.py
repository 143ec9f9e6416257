"""What the catalogue keeps, as values: an item, a receipt, an alias, a batch ..."""
