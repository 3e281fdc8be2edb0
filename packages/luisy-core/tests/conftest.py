from luisy.testing.fixtures import luisy_working_dir, run_pipeline

__all__ = ["luisy_working_dir", "run_pipeline"]
