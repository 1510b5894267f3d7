# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

from pathlib import Path

try:  # Spack 1.0 and later; before, spack.package has them
    from spack_repo.builtin.build_systems.cmake import CMakePackage
    from spack_repo.builtin.build_systems.cuda import CudaPackage
except ImportError:
    pass

from spack.package import *


class FusedScan(CMakePackage, CudaPackage):
    """Associative scans along any axis of a Kokkos View, with a compensated sum as the default
    operator, and the AR-SSM layer on them. Header-only."""

    # The repository that this recipe is in, wherever it was cloned from.
    git = f"file://{Path(__file__).resolve().parents[5]}"

    test_requires_compiler = True

    license("Apache-2.0 WITH LLVM-exception")

    version("main", branch="main")

    variant("openmp", default=False, description="Use a Kokkos with OpenMP")
    variant("mpi", default=False, description="Scans over the ranks of MPI")
    variant("hdf5", default=False, description="Build the program fused-scan, for HDF5 files")
    variant("kokkos_kernels", default=False, description="Use the BLAS of Kokkos Kernels")
    variant("tests", default=False, description="Build the unit tests")
    variant("examples", default=False, description="Build and install the examples")
    variant("python", default=False, description="Install the Python package")

    depends_on("c", type="build", when="+hdf5")  # CMake looks for HDF5 with it
    depends_on("cxx", type="build")
    depends_on("cmake@3.23:", type="build")
    depends_on("kokkos@4.5:5")
    depends_on("kokkos+openmp", when="+openmp")
    depends_on("kokkos-kernels@4.5:5", when="+kokkos_kernels")
    depends_on("mpi@3:", when="+mpi")
    depends_on("hdf5", when="+hdf5")
    depends_on("hdf5+mpi", when="+hdf5+mpi")  # ranks write a file together
    depends_on("cli11", type="build", when="+hdf5")
    depends_on("catch2@3:", type="build", when="+tests")

    with when("+python"):
        extends("python")
        depends_on("python@3.10:", type=("build", "run"))
        depends_on("py-pip", type="build")
        depends_on("py-scikit-build-core@0.10:", type="build")
        depends_on("py-nanobind@2.4:", type="build")
        depends_on("py-numpy@1.24:", type=("build", "run"))
        # The module is a shared library, which a static one goes into.
        conflicts("^kokkos~shared~pic", msg="a static Kokkos needs +pic")

    conflicts("+cuda", when="cuda_arch=none", msg="say what for: cuda_arch=90, for example")
    for arch in CudaPackage.cuda_arch_values:
        depends_on(f"kokkos+cuda cuda_arch={arch}", when=f"+cuda cuda_arch={arch}")
    requires("^kokkos+cuda_lambda", when="+cuda ^kokkos@:4")

    conflicts("%gcc@:11", msg="FusedScan needs GCC 12 or later")

    def compiler_args(self):
        """What CMake must be told besides, where Kokkos is compiled by its nvcc_wrapper."""
        kokkos = self.spec["kokkos"]
        if kokkos.satisfies("+wrapper"):
            return [self.define("CMAKE_CXX_COMPILER", join_path(kokkos.prefix.bin, "nvcc_wrapper"))]
        return []

    def cmake_args(self):
        return [
            self.define("Kokkos_ROOT", self.spec["kokkos"].prefix),
            self.define_from_variant("FusedScan_ENABLE_MPI", "mpi"),
            self.define_from_variant("FusedScan_ENABLE_HDF5", "hdf5"),
            self.define_from_variant("FusedScan_ENABLE_KOKKOS_KERNELS", "kokkos_kernels"),
            self.define_from_variant("FusedScan_ENABLE_TESTS", "tests"),
            self.define_from_variant("FusedScan_ENABLE_EXAMPLES", "examples"),
        ] + self.compiler_args()

    @run_after("install", when="+python")
    def install_python(self):
        definitions = [self.define("Kokkos_ROOT", self.spec["kokkos"].prefix)] + self.compiler_args()
        settings = [f"--config-setting=cmake.args={definition}" for definition in definitions]
        python = self.spec["python"].command
        options = ["--no-deps", "--no-build-isolation", "--no-index", f"--prefix={self.prefix}"]
        with working_dir(self.stage.source_path):
            python("-m", "pip", "install", *options, *settings, "./python")

    smoke_test = join_path("examples", "03_reverse_and_exclusive")

    @run_after("install")
    def keep_smoke_test(self):
        cache_extra_test_sources(self, [self.smoke_test])

    def test_example(self):
        """build and run an example against the installation"""
        source = join_path(self.test_suite.current_test_cache_dir, self.smoke_test)
        cmake = which(self.spec["cmake"].prefix.bin.cmake)
        args = [self.define("CMAKE_CXX_COMPILER", self.compiler.cxx)] + self.compiler_args()
        for name, dependency in (("Kokkos", "kokkos"), ("KokkosKernels", "kokkos-kernels")):
            if dependency in self.spec:
                args.append(self.define(f"{name}_ROOT", self.spec[dependency].prefix))
        with working_dir("build", create=True):
            cmake(source, self.define("FusedScan_ROOT", self.prefix), *args)
            cmake("--build", ".")
            output = Executable("./03_reverse_and_exclusive")(output=str.split, error=str.split)
            assert "0 of 14700 numbers differ from a loop's" in output, output
