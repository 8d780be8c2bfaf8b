"""Documents: PDF, seal and signature, QR verification, the wallet of electronic licences."""
