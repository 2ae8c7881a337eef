"""The vocabulary editor: classes one by one, tried before they are added, as lists, archived."""
