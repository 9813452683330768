"""What must be observable before a fault can be diagnosed: 18 checks over a live deployment or a saved incident.

    Deployment | Incident ── guidelines.survey ──▶ Survey ── guidelines.checkup.run() ──▶ Report

Each check is one module: its page (what, why, what to change), the question it puts to the survey, what it leaves
blind when it fails, and, where recorded drills allow it, how to take away what it asks for, so that the price can be
measured. `guidelines.catalog` lists them.
"""
