"""Pictures of results, as PNG files. The one place that imports matplotlib."""
