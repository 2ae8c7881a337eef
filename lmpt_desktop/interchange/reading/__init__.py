"""What readers share: files of other programs, bounded in memory and time, and text in them."""
