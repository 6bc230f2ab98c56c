"""Health, metrics, run pages and the REST API: what people and machines see of a worker over HTTP."""
