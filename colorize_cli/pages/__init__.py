"""Styles and components that all HTML pages share: the eval report, the human test, the gallery and the server's."""
