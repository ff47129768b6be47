"""Those who watch over the daemon: health, metrics, notifications, the watchdog."""
