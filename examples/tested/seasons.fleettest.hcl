# The fleet as the tests find it: all three cards are in service.
run "summer" {
  command = apply

  world {
    cards = [
      { iccid = "89860617030017300008", imei = "861536030196001" },
      { iccid = "89860617030017300016", imei = "861536030196019" },
      { iccid = "89860617030017300024", imei = "861536030196027" },
    ]
  }

  assert {
    condition     = plan.summary.adopt == 3 && plan.summary.stop == 1
    error_message = "all cards are to be adopted, and one of them stopped"
  }
  assert {
    condition     = !card.bike["89860617030017300024"].live.active
    error_message = "the bike that is out of service still pays for its card"
  }
  assert {
    condition     = length(output.in_service) == 2
    error_message = "in service: ${join(", ", output.in_service)}"
  }
}

# It goes on with what summer left.
run "nothing is left to do" {
  command = plan

  assert {
    condition     = plan.summary.unchanged == 3
    error_message = "a plan after an apply is not empty"
  }
}

run "winter" {
  command = plan

  variables {
    season = "winter"
  }

  expect_failures = [check["somebody can rent a bike"]]

  assert {
    condition     = plan.summary.stop == 2
    error_message = "${plan.summary.stop} bikes are to be stopped, and 2 run"
  }
}
