def render_page(quality): return "todo"
