"""What ``searchrank demo`` does with a world: make it, learn to rank it, serve it, ask it, say why.

Internal to ``examples``; nothing else imports it.
"""
