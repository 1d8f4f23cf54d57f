"""The settings of AWX in the tests, which awx.settings.production includes."""

from __future__ import annotations

SECRET_KEY = BROADCAST_WEBSOCKET_SECRET = "secret-of-the-lab"
ALLOWED_HOSTS = ["*"]
CLUSTER_HOST_ID = "awx"
DATABASES = {
    "default": {
        "ATOMIC_REQUESTS": True,
        "ENGINE": "awx.main.db.profiled_pg",
        "NAME": "awx",
        "USER": "awx",
        "PASSWORD": "",
        "HOST": "/run/postgresql",
        "PORT": "",
    }
}
BROKER_URL = "unix:///run/redis/redis.sock"
PROJECTS_ROOT = "/run/awx/projects"
JOBOUTPUT_ROOT = "/run/awx/output"
AWX_ISOLATION_BASE_PATH = "/run/awx/jobs"
AWX_ISOLATION_SHOW_PATHS: list[str] = []
# Images are names of the stand-in of podman.
GLOBAL_JOB_EXECUTION_ENVIRONMENTS = [{"name": "AWX EE", "image": "lab"}]
CONTROL_PLANE_EXECUTION_ENVIRONMENT = "lab"
