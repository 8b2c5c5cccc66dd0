"""The inbox: what arrived, proven and stored before it is answered; receipts."""
