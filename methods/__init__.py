"""Who is to blame: root-cause-analysis methods that rank the components of an incident and explain the ranking."""
