from tasks.registry.flat import flat_metrics, flat_params


def test_params_are_named_by_their_path() -> None:
    nested = {"als": {"factors": 64, "on": True}, "exclude": {}, "k": [5, 10], "name": "x", "none": None}
    assert flat_params(nested) == {
        "als.factors": "64",
        "als.on": "true",
        "exclude": "{}",
        "k": "[5, 10]",
        "name": "x",
        "none": "null",
    }


def test_equal_params_have_one_text_whatever_the_order_of_their_names() -> None:
    assert flat_params({"files": [{"path": "a", "columns": {}}]}) == flat_params(
        {"files": [{"columns": {}, "path": "a"}]}
    )


def test_a_param_too_long_for_mlflow_is_cut() -> None:
    assert len(flat_params({"long": "x" * 9000})["long"]) == 6000


def test_metrics_have_names_that_mlflow_takes_and_unmeasured_ones_are_left_out() -> None:
    assert flat_metrics({"all": {"ndcg@10": 0.25, "ndcg@10_low": 0.2, "gini": None}, "users": 3}) == {
        "all/ndcg_at_10": 0.25,
        "all/ndcg_at_10_low": 0.2,
        "users": 3.0,
    }
