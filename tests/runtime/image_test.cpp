#include "bpg/runtime/docker/image.hpp"

#include "support/docker_test.hpp"

namespace bpg::test {
namespace {

using runtime::find_image;
using testing::HasSubstr;

TEST_F(DockerTest, LooksIntoImages) {
  const auto plain = find_image(client(), {.reference = variable("BPG_TEST_IMAGE_PLAIN")});
  EXPECT_EQ(plain.reference, variable("BPG_TEST_IMAGE_PLAIN"));
  EXPECT_THAT(plain.id, testing::StartsWith("sha256:"));
  EXPECT_EQ(plain.pg_major, 15);
  EXPECT_GT(plain.uid, 0U);
  EXPECT_FALSE(plain.has_entrypoint);
  EXPECT_TRUE(find_image(client(), {.reference = variable("BPG_TEST_IMAGE_OFFICIAL")}).has_entrypoint);
  const auto uid70 = find_image(client(), {.reference = variable("BPG_TEST_IMAGE_UID70")});
  EXPECT_EQ(uid70.uid, 70U);
  EXPECT_EQ(uid70.gid, 70U);
  EXPECT_EQ(containers(), std::vector<std::string>{});
}

TEST_F(DockerTest, FindsAnImageByItsId) {
  const auto plain = plain_image();
  EXPECT_EQ(find_image(client(), {.reference = plain.id}).id, plain.id);
  EXPECT_TRUE(runtime::has_image(client(), plain.id));
  EXPECT_FALSE(runtime::has_image(client(), "sha256:" + std::string(64, '0')));
}

TEST_F(DockerTest, SaysHowToGetAnImage) {
  for (const bool pull : {false, true}) {
    // A registry that cannot be: nobody is asked for it.
    const Error error = error_of([&] { find_image(client(), {.reference = "127.0.0.1:1/postgres:17", .pull = pull}); });
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_THAT(error.message(), HasSubstr("there is no image '127.0.0.1:1/postgres:17' here"));
    EXPECT_EQ(error.message().find("cannot be pulled") != std::string::npos, pull);
    EXPECT_THAT(error.hint(), HasSubstr("'docker pull 127.0.0.1:1/postgres:17'"));
    EXPECT_THAT(error.hint(), HasSubstr("docker load"));
  }
  EXPECT_EQ(error_of([&] { find_image(client(), {.reference = "sha256:" + std::string(64, '0')}); }).code(), ErrorCode::not_found);
  EXPECT_EQ(error_of([&] { find_image(client(), {.reference = "Not A Reference", .pull = false}); }).code(), ErrorCode::not_found);
}

TEST_F(DockerTest, DoesNotLookIntoAnImageThatIsKnown) {
  std::string asked;
  const auto known = [&asked](const std::string& id) {
    asked = id;
    return std::optional(runtime::ImageContents{.pg_major = 99, .uid = 1, .gid = 2});
  };
  const auto image = find_image(client(), {.reference = variable("BPG_TEST_IMAGE_PLAIN"), .known = known});
  EXPECT_EQ(asked, image.id);
  EXPECT_EQ(image.pg_major, 99);
  EXPECT_EQ(image.uid, 1U);
  EXPECT_EQ(image.gid, 2U);
}

TEST_F(DockerTest, RefusesAnImageWithoutAServer) {
  const Error error = error_of([&] { find_image(client(), {.reference = variable("BPG_TEST_IMAGE_EMPTY"), .pull = false}); });
  EXPECT_EQ(error.code(), ErrorCode::postgres);
  EXPECT_THAT(error.message(), HasSubstr("the image '" + variable("BPG_TEST_IMAGE_EMPTY") + "' has no PostgreSQL server"));
  EXPECT_EQ(containers(), std::vector<std::string>{});
}

}  // namespace
}  // namespace bpg::test
