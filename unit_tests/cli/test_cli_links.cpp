// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// OUT behind links, inside an HDF5 file and outside, and OUT that its owner has write-protected.

#include <string>
#include <vector>

#include "test_files.hpp"

namespace {

namespace fs = std::filesystem;

const std::vector<int> numbers{3, 1, 4, 1, 5, 9};
const std::vector<int> sums{3, 4, 8, 9, 14, 23};

void write_numbers(const fs::path& file, const std::string& name) {
  TestFile(file).write(name, H5T_STD_I32LE, {6}, H5T_NATIVE_INT, numbers.data());
}

void require_refusal(const TestFolder& folder, const TestFolder::Outcome& outcome,
                     const std::map<std::string, std::string>& before, const std::string& message) {
  CHECK(outcome.err == "fused-scan: " + message + "\n");
  CHECK(outcome.status == 2);
  CHECK(outcome.out == "");
  CHECK(folder.contents() == before);
}

}  // namespace

TEST_CASE("Cli.ExternalLinksInOutAreRefused") {
  const TestFolder folder;
  write_numbers(folder / "in.h5", "/x");
  write_numbers(folder / "other.h5", "/g/x");
  {
    const TestFile out(folder / "out.h5");
    const auto external = [&](const char* file, const char* object, const char* name) {
      REQUIRE(H5Lcreate_external(file, object, out.id(), name, H5P_DEFAULT, H5P_DEFAULT) >= 0);
    };
    external("other.h5", "/g", "/ext");
    external("other.h5", "/g/x", "/data");
    external("nowhere.h5", "/g", "/dangling");
    const hid_t group = valid(H5Gcreate2(out.id(), "/here", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    REQUIRE(H5Lcreate_soft("/ext", group, "soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    REQUIRE(H5Lcreate_soft("soft", group, "softer", H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Gclose(group);
  }
  const auto before = folder.contents();
  const auto refused = [&](const std::string& name, const std::string& link,
                           const std::string& file = "other.h5") {
    CAPTURE(name);
    require_refusal(folder, folder.fused_scan("scan in.h5:/x out.h5:" + name + " --axis 0"), before,
                    "cannot make out.h5:" + name + ": " + link + " is an external link to " + file +
                        ", which stays as it is; name a data set in that file as OUT");
  };
  refused("/ext/z", "/ext");
  refused("/ext/new/z", "/ext");
  refused("/ext/x", "/ext");
  refused("/ext", "/ext");
  refused("/data", "/data");
  refused("/here/soft/z", "/here/soft");
  refused("/here/softer/a/z", "/here/softer");
  refused("/dangling/z", "/dangling", "nowhere.h5");

  // A link within the file is followed.
  {
    const TestFile out(folder / "out.h5");
    REQUIRE(H5Lcreate_soft("/here", out.id(), "/there", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  }
  REQUIRE(folder.fused_scan("scan in.h5:/x out.h5:/there/z --axis 0").status == 0);
  REQUIRE(TestFile(folder / "out.h5").read<int>("/here/z", H5T_NATIVE_INT) == sums);
}

TEST_CASE("Cli.ASoftLinkIsNotOverwritten") {
  const TestFolder folder;
  write_numbers(folder / "in.h5", "/x");
  {
    const TestFile out(folder / "out.h5");
    REQUIRE(H5Lcreate_soft("/nowhere", out.id(), "/soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  }
  const auto before = folder.contents();
  for (const std::string name : {"/soft", "/soft/z"}) {
    require_refusal(
        folder, folder.fused_scan("scan in.h5:/x out.h5:" + name + " --axis 0"), before,
        "cannot make out.h5:" + name + ": /soft is a link that leads nowhere; choose another name");
  }
}

TEST_CASE("Cli.ALinkThatDanglesGetsItsTarget") {
  const TestFolder folder;
  write_numbers(folder / "in.h5", "/x");
  fs::create_directory(folder / "data");
  fs::create_symlink("data/target.h5", folder / "link.h5");
  fs::create_symlink("link.h5", folder / "link_to_link.h5");
  REQUIRE(folder.fused_scan("scan in.h5:/x link_to_link.h5:/sums --axis 0").status == 0);
  REQUIRE(fs::is_symlink(folder / "link.h5"));
  REQUIRE(fs::is_symlink(folder / "link_to_link.h5"));
  REQUIRE(TestFile(folder / "data" / "target.h5").read<int>("/sums", H5T_NATIVE_INT) == sums);
}

TEST_CASE("Cli.ALinkThatCannotBeWrittenTo") {
  const TestFolder folder;
  write_numbers(folder / "in.h5", "/x");
  fs::create_symlink("nowhere/target.h5", folder / "link.h5");
  fs::create_symlink("b.h5", folder / "a.h5");
  fs::create_symlink("a.h5", folder / "b.h5");
  const auto before = folder.contents();
  require_refusal(
      folder, folder.fused_scan("scan in.h5:/x link.h5:/y --axis 0"), before,
      "there is no folder 'nowhere' to write to; 'link.h5' is a symbolic link to a file in it");
  require_refusal(folder, folder.fused_scan("scan in.h5:/x a.h5:/y --axis 0"), before,
                  "cannot write 'a.h5': its symbolic links lead in a loop");
}

TEST_CASE("Cli.AProtectedFileIsCalledByItsName") {
  const TestFolder folder;
  write_numbers(folder / "in.h5", "/x");
  write_numbers(folder / "out.h5", "/x");
  fs::create_directory(folder / "protected");
  fs::permissions(folder / "out.h5", fs::perms::owner_read | fs::perms::others_read);
  const auto before = folder.contents();
  // Root may write everything, so it isn't root who tries.
  const bool root = geteuid() == 0;
  fs::permissions(folder / "", fs::perms::all);
  fs::permissions((folder / "").parent_path().parent_path(), fs::perms::all);
  fs::permissions(folder / "protected", fs::perms::owner_read | fs::perms::owner_exec |
                                            fs::perms::others_read | fs::perms::others_exec);
  const std::string as_user = root ? "setpriv --reuid 65534 --regid 65534 --clear-groups " : "";
  if (folder.shell(as_user + "true").status != 0) SKIP("root can't become somebody else here");
  const auto refused = [&](const std::string& out, const std::string& message) {
    require_refusal(folder,
                    folder.shell(as_user + "\"$FUSED_SCAN\" scan in.h5:/x " + out + " --axis 0"),
                    before, message);
  };
  refused("out.h5:/y", "cannot write 'out.h5': Permission denied");
  refused("protected/out.h5:/y",
          "cannot write in folder 'protected': unable to open file: Permission denied");
}
