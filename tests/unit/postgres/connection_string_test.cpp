#include "bpg/postgres/connection_string.hpp"

#include <gtest/gtest.h>

namespace bpg::postgres {
namespace {

const Endpoint plain{.host = "127.0.0.1", .port = 15432, .user = "app_owner", .database = "app", .password = "s3cret"};
const Endpoint odd{.host = "::1", .port = 5432, .user = "o'neill", .database = "a b", .password = "p@s/\\'=?&%ä"};

TEST(ConnectionString, OfAPlainEndpoint) {
  EXPECT_EQ(url(plain), "postgresql://app_owner:s3cret@127.0.0.1:15432/app");
  EXPECT_EQ(dsn(plain), "host=127.0.0.1 port=15432 user=app_owner password=s3cret dbname=app");
  EXPECT_EQ(jdbc_url(plain), "jdbc:postgresql://127.0.0.1:15432/app?user=app_owner&password=s3cret");
}

TEST(ConnectionString, QuotesWhatItsFormNeedsQuoted) {
  EXPECT_EQ(url(odd), "postgresql://o%27neill:p%40s%2F%5C%27%3D%3F%26%25%C3%A4@[::1]:5432/a%20b");
  EXPECT_EQ(dsn(odd), "host=::1 port=5432 user='o\\'neill' password='p@s/\\\\\\'=?&%ä' dbname='a b'");
  EXPECT_EQ(jdbc_url(odd), "jdbc:postgresql://[::1]:5432/a%20b?user=o%27neill&password=p%40s%2F%5C%27%3D%3F%26%25%C3%A4");
}

TEST(ConnectionString, LeavesAPasswordOutThatIsNotThere) {
  Endpoint endpoint = plain;
  endpoint.password.clear();
  EXPECT_EQ(url(endpoint), "postgresql://app_owner@127.0.0.1:15432/app");
  EXPECT_EQ(dsn(endpoint), "host=127.0.0.1 port=15432 user=app_owner dbname=app");
  EXPECT_EQ(jdbc_url(endpoint), "jdbc:postgresql://127.0.0.1:15432/app?user=app_owner");
}

}  // namespace
}  // namespace bpg::postgres
