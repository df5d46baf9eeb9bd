"""Behind ``searchrank replay`` and ``searchrank why``: logged answers, made again by the stages that serve."""
