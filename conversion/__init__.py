"""How data comes in: scans, uploads, conversions, their jobs and mails."""
