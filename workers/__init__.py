"""The Celery workers: app.py says how they run, pipeline.py what they do."""
