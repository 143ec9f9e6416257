"""The way in: uploads are let in, received, resumed, or brought by an import."""
