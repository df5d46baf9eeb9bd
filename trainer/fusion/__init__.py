"""How the lists of the recall branches become one is learnt from judged queries."""
