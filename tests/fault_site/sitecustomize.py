"""Run by every Python process that finds this folder in PYTHONPATH, before all else."""

from tests.fault_files import begin_by_environment

begin_by_environment()
