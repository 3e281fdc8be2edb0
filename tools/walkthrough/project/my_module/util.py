"""Helpers of the pipeline."""


def calibrate(temperatures):
    """Correct a thermometer that reads low."""
    return (temperatures * 1.02).round(2)


def by_month(hours):
    """Return the mean temperature of each month."""
    return hours.groupby(hours["date"].str[:7])["temp"].mean().round(2)
