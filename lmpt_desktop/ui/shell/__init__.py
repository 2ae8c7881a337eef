"""What a feature is given: context, status bar, notifications, tool bar."""
