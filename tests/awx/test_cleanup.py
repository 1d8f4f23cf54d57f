"""What AWX itself does with old jobs and their labels, which the double does not do. Runs inside the lab."""

from __future__ import annotations

import os

import pytest
from awx_client import Awx
from awx_rights import PASSWORD
from awx_site import Site, changed


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def awx(site: Site) -> Awx:
    admin = Awx.of_user(os.environ["HPC_SLURM_AWX"], "admin", PASSWORD)
    site.set_up(admin, organization="Cleanup", rulebook_user="")
    return admin


def test_the_label_of_a_job_that_awx_has_removed(awx: Awx, site: Site) -> None:
    organization = awx.find("organizations", name="Cleanup")["id"]
    status, label = awx.post("labels/", name="eda-event-uuid-of-an-old-job", organization=organization)
    assert status == 201, label
    template = awx.template("hpc.slurm.report", "Cleanup")["id"]
    status, job = awx.post(f"job_templates/{template}/launch/", labels=[label["id"]])
    assert status == 201, job
    awx.ended(f"jobs/{job['id']}/")
    cleanup = awx.find("system_job_templates", job_type="cleanup_jobs")["id"]
    status, answer = awx.post(f"system_job_templates/{cleanup}/launch/", extra_vars={"days": 0})
    assert status == 201, answer
    assert awx.ended(f"system_jobs/{answer['id']}/")["status"] == "successful"
    assert awx.request("GET", f"jobs/{job['id']}/")[0] == 404
    # AWX leaves it behind.
    assert awx.request("GET", f"labels/{label['id']}/")[0] == 200
    assert changed(site.set_up(awx, organization="Cleanup", rulebook_user="")) == 1
    assert awx.request("GET", f"labels/{label['id']}/")[0] == 404
