"""Parts in threads: in order, without gradients, and torch's numbers of threads stay what they are."""

import threading

import pytest
import torch

from edgewise.nn.attention.in_threads import in_threads


@pytest.fixture(params=[1, 2, 3])
def n_threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_come_in_the_order_of_the_parts(n_threads):
    assert in_threads(lambda part: part * part, range(10)) == [part * part for part in range(10)]


def test_each_part_has_one_thread_an_operation_and_nobody_else_loses_one(n_threads):
    inside = in_threads(lambda _: torch.get_num_threads(), range(8))
    assert set(inside) == {1}
    assert torch.get_num_threads() == n_threads
    later = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [n_threads]


def test_fewer_parts_than_threads_come_one_after_another_with_all_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert in_threads(lambda _: torch.get_num_threads(), range(2)) == [3, 3]
    finally:
        torch.set_num_threads(before)


def test_nothing_is_recorded_for_gradients(n_threads):
    weight = torch.ones(3, requires_grad=True)
    assert not any(part.requires_grad for part in in_threads(lambda part: weight * part, range(4)))


def test_the_error_of_a_part_reaches_the_caller(n_threads):
    def work(part):
        if part == 2:
            raise ValueError("part 2")
        return part

    with pytest.raises(ValueError, match="part 2"):
        in_threads(work, range(4))
    assert in_threads(work, range(2)) == [0, 1]
