"""Which day does a file belong to? Readers collect candidates, the rule alone judges them."""
