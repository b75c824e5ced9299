"""Human baseline study: the draw of the clips, the page that plays them, the answers and what they say."""
