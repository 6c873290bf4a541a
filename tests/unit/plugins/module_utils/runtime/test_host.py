"""What the host is, found without Ansible's facts."""

from __future__ import annotations

import os

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.runtime import host


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "Debian"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "Debian"),
        ("ID=ubuntu\nID_LIKE=debian\n", "Debian"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "RedHat"),
        ("ID=fedora\n", "RedHat"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "Suse"),
        ("ID='alpine'\n", "Alpine"),
        ("ID=arch\n", "Archlinux"),
        ("ID=plan9\n", ""),
        ("NAME=ubuntu\nBUILD_ID=debian\n", ""),
        ("", ""),
    ],
)
def test_the_family_of_a_system(tmp_path, text, family):
    release = tmp_path / "os-release"
    release.write_text(text)
    assert host.os_family(str(release)) == family


def test_a_system_without_os_release(tmp_path):
    assert host.os_family(str(tmp_path / "none")) == ""


def test_the_user_and_the_manager(tmp_path):
    found = host.look(booted=str(tmp_path / "none"))
    assert (found.uid, found.service_manager) == (os.geteuid(), "other")
    assert found.name and os.path.isabs(found.home)


@pytest.mark.parametrize(
    ("uid", "become", "folder"),
    [
        (0, False, "/opt/mobius-dhash"),
        (1000, True, "/opt/mobius-dhash"),
        (1000, False, "/home/me/.local/share/mobius-dhash"),
    ],
)
def test_the_default_folder_follows_from_the_user(uid, become, folder):
    assert host.Host(uid, "me", "/home/me", "", "other").default_folder(become) == folder
