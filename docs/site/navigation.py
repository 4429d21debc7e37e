"""Where every page stands in the site; a page that stands nowhere, or is not there, ends the build."""

NAVIGATION: dict[str, tuple[str, ...]] = {
    "Learn": ("install", "tutorial", "which_method", "coming_from"),
    "Do": (
        "own_corpus",
        "own_method",
        "plan",
        "spaces",
        "searching",
        "operating",
        "report",
        "reading",
        "mlflow",
        "using",
        "python",
        "troubleshooting",
    ),
    "On a cluster": ("cluster", "docker", "submit", "nodes", "objects", "security"),
    "Understand": (
        "explanation/likelihood",
        "explanation/estimator",
        "explanation/collapse",
        "explanation/front",
        "explanation/entropy_bound",
        "method",
    ),
    "Look up": (
        "glossary",
        "reference/commands",
        "reference/sweep_file",
        "reference/methods",
        "reference/metrics",
    ),
    "Measured": ("results", "reproduction", "performance", "limits"),
    "The code": ("architecture", "dependencies"),
}


def tree() -> str:
    """Return the navigation as the directives that Sphinx reads, one for each heading."""
    return "\n".join(
        f"```{{toctree}}\n:hidden:\n:caption: {heading}\n\n" + "\n".join(pages) + "\n```\n"
        for heading, pages in NAVIGATION.items()
    )
