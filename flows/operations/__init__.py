"""shoprec unattended: servers and a worker on this machine, the deployments, and how they stand."""
