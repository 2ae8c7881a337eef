"""What features are given: context, status bar, notifications, toolbar."""
