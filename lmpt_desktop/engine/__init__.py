"""One open library: catalogue, predictions, and the trainer processes behind them (Qt-free)."""
